"""The nouns of the hedger: frozen values without behaviour that reaches outside them."""
