"""The best trials run again under further seeds, and which of them is really the best."""
