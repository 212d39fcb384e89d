"""`python -m seer_rpc.cli`: the `seer` command of this interpreter."""

from seer_rpc.cli import main

if __name__ == "__main__":
    main()
