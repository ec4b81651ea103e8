"""The public data, as files of a day that anybody can download, check and compute from."""
