"""What the recipe is told by its environment."""

import os

BROKER_URL = os.environ["RECIPE_BROKER_URL"]
DATABASE_URL = os.environ.get("RECIPE_DATABASE_URL", "")
SECRET = os.environ.get("RECIPE_SECRET", "").encode()
THREADS = int(os.environ.get("RECIPE_THREADS", "16"))
TOLERANCE_SECONDS = 300
SEEN_SECONDS = 7 * 24 * 3600
