"""The trusted process of a sandbox: gRPC, auth, sessions and the workers' lives."""
