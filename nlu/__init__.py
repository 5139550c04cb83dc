"""What was said: Rasa's training, components and the embedded engine. Nothing here phones home."""

import os

os.environ["RASA_TELEMETRY_ENABLED"] = "false"  # Rasa reads it at each report; on by default

# One thread of linear algebra a process: sentences are short, workers are many, and idle threads spin.
# Read when numpy is first imported, so this has to come before.
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
