"""The Bicep in infra/, read without a compiler."""
