"""W&B sweep files, read as configurations of ours."""
