"""AWS's replies in, our dataclasses out. No raw dictionary goes inward."""
