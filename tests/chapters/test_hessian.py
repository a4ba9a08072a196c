"""Chapter VII: the Hessian (S58, S60), on the notation page until the chapter is written."""

from rooms import *
