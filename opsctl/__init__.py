"""opsctl: m2g over whole BIDS datasets on AWS Batch."""

try:
    from opsctl._version import __version__ as __version__
except ImportError:  # a checkout that was never installed
    __version__ = "0.1.0.dev0"
