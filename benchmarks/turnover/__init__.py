"""From the end of a trial to the first step of the next, from start to first step, and memory."""
