"""``python -m fechner`` is the command ``fechner``."""

from fechner.cli.main import main

if __name__ == "__main__":
    main()
