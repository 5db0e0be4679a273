"""The functions of scipy.special used here; it takes a quarter of a second to import, which the first call does."""

from __future__ import annotations

from prunekit.registry import Lazy

bdtr = Lazy("scipy.special:bdtr")
bdtrc = Lazy("scipy.special:bdtrc")
betaincinv = Lazy("scipy.special:betaincinv")
chdtri = Lazy("scipy.special:chdtri")
fdtrc = Lazy("scipy.special:fdtrc")
nctdtr = Lazy("scipy.special:nctdtr")
ndtr = Lazy("scipy.special:ndtr")
ndtri = Lazy("scipy.special:ndtri")
polygamma = Lazy("scipy.special:polygamma")
psi = Lazy("scipy.special:psi")
stdtr = Lazy("scipy.special:stdtr")
stdtrit = Lazy("scipy.special:stdtrit")
