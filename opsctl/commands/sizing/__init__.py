"""`size`, and what `--pack auto` chooses: reads the peaks of finished scans."""
