"""What explorers are made of: controls, panel, picture, and the code that is shown."""
