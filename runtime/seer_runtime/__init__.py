"""What runs inside a sandbox: a front that speaks gRPC, and a worker per interface."""
