"""`openbourse secrets`: a master key wrapped by a key of KMS."""

from pathlib import Path
from typing import Annotated

import typer

from openbourse.cli.faults import give_up

app = typer.Typer(help="Secrets that settings name: a master key wrapped by KMS.", no_args_is_help=True)


@app.callback()
def secrets() -> None:
    """Secrets that settings name: a master key wrapped by KMS."""


@app.command("wrap")
def wrap(
    kms_key: Annotated[str, typer.Option("--kms-key", help="The key of KMS: id, ARN or alias/name.")],
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", help="Wrap this master key instead of a fresh one.", dir_okay=False, exists=True),
    ] = None,
) -> None:
    """Print what to set OPENBOURSE_MASTER_KEY to: a master key that only KMS can open.

    A fresh key is made by KMS and seen by nobody. With --key-file API secrets that are there already stay readable.
    """
    from openbourse.adapters.secrets_references import aws_client, wrap_key, wrap_new_key

    try:
        if key_file is None:
            shown = wrap_new_key(aws_client, kms_key)
        else:
            shown = wrap_key(aws_client, kms_key, bytes.fromhex(key_file.read_text().strip()))
    except ImportError:
        give_up("KMS needs the extra aws: pip install 'openbourse[aws]'")
    except ValueError:
        give_up(f"{key_file} does not hold 64 hexadecimal characters.", code=2)
    except Exception as fault:
        # Whatever the SDK raises; its text may name accounts and keys.
        give_up(f"KMS did not wrap it: {type(fault).__name__}")
    typer.echo(shown)
