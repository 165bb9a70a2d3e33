//! A mock SMTP server.
