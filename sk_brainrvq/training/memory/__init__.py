"""How much memory networks need, how much is free, and what to do if there is too little."""
