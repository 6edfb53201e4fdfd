-- A target that finds something in every input, to see that this is noticed.
return function() error("this target always fails") end
