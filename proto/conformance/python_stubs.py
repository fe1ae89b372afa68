"""Message classes and stubs of the protocol, generated from the `.proto` files when this module is imported.

They are written to a temporary folder, which is removed when the interpreter exits.
"""

import atexit
import importlib
import shutil
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

PROTO_ROOT = Path(__file__).resolve().parent.parent


def _generate(target: str) -> None:
    files = sorted(str(path) for path in (PROTO_ROOT / "gymlink" / "v1").glob("*.proto"))
    outputs = [f"--python_out={target}", f"--grpc_python_out={target}"]
    if protoc.main(["protoc", f"--proto_path={PROTO_ROOT}", *outputs, *files]) != 0:
        raise RuntimeError(f"protoc refused the files of {PROTO_ROOT}; its messages are above")


_FOLDER = tempfile.mkdtemp(prefix="gymlink-stubs-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_generate(_FOLDER)
sys.path.insert(0, _FOLDER)
error_pb2 = importlib.import_module("gymlink.v1.error_pb2")
service_pb2 = importlib.import_module("gymlink.v1.service_pb2")
service_pb2_grpc = importlib.import_module("gymlink.v1.service_pb2_grpc")
session_pb2 = importlib.import_module("gymlink.v1.session_pb2")
space_pb2 = importlib.import_module("gymlink.v1.space_pb2")
value_pb2 = importlib.import_module("gymlink.v1.value_pb2")
