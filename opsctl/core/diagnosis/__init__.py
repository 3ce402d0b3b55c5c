"""Why a scan failed or waits, and the rules of `doctor`."""
