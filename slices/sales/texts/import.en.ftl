# Import
