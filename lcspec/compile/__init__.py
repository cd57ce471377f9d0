"""From text to plan: pure passes, no clock, network, environment or ML import."""
