"""The checkout of Gymnasium whose tests are run."""

import os

CHECKOUT = os.environ["GYMNASIUM_CHECKOUT"]


def pytest_arguments(*tests):
    """Arguments of pytest for tests of the checkout: node ids, files or folders."""
    places = [os.path.join(CHECKOUT, test) for test in tests]
    return [f"--rootdir={CHECKOUT}", f"--config-file={CHECKOUT}/pyproject.toml", "-p", "no:cacheprovider", *places]
