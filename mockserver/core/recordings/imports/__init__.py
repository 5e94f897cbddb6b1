"""Files of other tools, read as captures: what each format holds, and what of it a recording can keep."""
