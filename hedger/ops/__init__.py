"""What people see: logs, metrics, health, messages, the terminal view and the console."""
