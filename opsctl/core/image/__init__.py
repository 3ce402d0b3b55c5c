"""The jobs' image: what it holds, and until when others mend that."""
