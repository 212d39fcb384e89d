"""Start a front: `python -m seer_runtime`, its settings on standard input."""

from seer_runtime.front.main import main

if __name__ == "__main__":
    main()
