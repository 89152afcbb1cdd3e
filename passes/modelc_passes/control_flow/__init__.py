"""Control flow: branches that are never taken, conditionals and loops of both generations, lists of tensors."""
