"""The exercises of each chapter: what they give, what they ask for, how an answer is judged. No solutions."""
