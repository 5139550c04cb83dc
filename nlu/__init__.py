"""What was said: Rasa's training, components and the embedded engine. Nothing here phones home."""

import os

os.environ["RASA_TELEMETRY_ENABLED"] = "false"  # Rasa reads it at each report; on by default
