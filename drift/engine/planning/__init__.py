"""What fixes are worth, and a short way to a target.

    own = needs(head)                                    of each subscription: what Unhealthy marks keep from its score
    way = route(every, parts, Wish(75.0))                which fixes, in which steps, with the score after each
    of_controls(every, parts), of_recommendations(…), of_resources(…, most)         what each is worth

`parts`: what part of the scope's score each subscription's is.
"""

from drift.engine.planning.needs import Needs, needs
from drift.engine.planning.route import Route, Step, Wish, route
from drift.engine.planning.worth import of_controls, of_recommendations, of_resources

__all__ = ["Needs", "Route", "Step", "Wish", "needs", "of_controls", "of_recommendations", "of_resources", "route"]
