"""Reinforcement learning: rollouts, rewards, advantages and losses."""
