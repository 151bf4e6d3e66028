"""An installed package of misbehaving operations; tests add its folder to the path of compute processes."""
