"""`python -m ci_rlm`."""

from ci_rlm.cli import main

if __name__ == "__main__":
    main()
