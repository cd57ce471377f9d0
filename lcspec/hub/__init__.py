"""The Hugging Face hub over plain HTTPS: which files a repository has, which of them are meant, and their bytes."""
