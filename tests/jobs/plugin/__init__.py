"""An installed package of operations that misbehave; its folder goes on the path of the processes that compute."""
