"""Measuring: how close an edit is, whether it did what was asked, and the reports that show it."""
