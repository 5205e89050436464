"""``python -m sk_brainrvq``: the command line."""

from sk_brainrvq.command_line import main

if __name__ == "__main__":
    main()
