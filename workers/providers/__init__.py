"""Vision and language models behind servers that speak the OpenAI API: what carries out `reports.providers`."""
