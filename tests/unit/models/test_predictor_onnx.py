"""How onnxruntime is asked to run a network, with a stand-in for it."""

import pytest

from prunekit.errors import PrunekitWarning
from prunekit.models.predictors import onnx


class _Runtime:
    """onnxruntime with an operator that has no exact form, if ``fails``; remembers what it was asked for."""

    def __init__(self, *fails):
        self.fails, self.asked = fails, []

    def get_available_providers(self):
        return ["CPUExecutionProvider"]

    class SessionOptions:
        def add_session_config_entry(self, name, value):
            self.precise = name == onnx.PRECISE and value

    def InferenceSession(self, data, options, providers):  # noqa: N802
        self.asked.append(options.precise)
        if options.precise in self.fails:
            raise RuntimeError("no kernel")
        return data


@pytest.mark.filterwarnings("error")
def test_products_are_exact_where_the_operators_allow_it():
    exact = _Runtime()
    assert onnx._opened(exact, b"net", "net.onnx") == b"net"
    assert exact.asked == ["1"]


def test_products_that_may_overflow_are_told():
    some = _Runtime("1")
    with pytest.warns(PrunekitWarning, match=r"net\.onnx may overflow .* reduce_range=True"):
        assert onnx._opened(some, b"net", "net.onnx") == b"net"
    assert some.asked == ["1", "0"]
    with pytest.raises(RuntimeError, match="no kernel"):
        onnx._opened(_Runtime("1", "0"), b"net", "net.onnx")
