"""What people see: logs, metrics, health and the terminal view."""
