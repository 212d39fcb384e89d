"""The faults harness: break what carries calls, and judge by evidence what became of each."""
