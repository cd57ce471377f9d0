"""Arithmetic of models: how many weights, how much memory, how long. Pure functions of numbers, nothing imported."""
