"""The figures of an evaluation, in their order."""

# Name -> (how it is printed, what a better generator has).
FIGURES = {
    "frechet_distance": (".2f", "lower"),
    "kid": (".4f", "lower"),
    "classifier_score": (".3f", "higher"),
    "confident_share": (".4f", "higher"),
    "class_total_variation": (".4f", "lower"),
    "precision": (".4f", "higher"),
    "recall": (".4f", "higher"),
    "density": (".4f", "near the real"),
    "coverage": (".4f", "higher"),
    "near_copies": (".4f", "near the real"),
}
# Real images without which no figure means anything: a ball of 5 neighbours holds an eighth then.
NEEDED = 40
# What the health of a run is judged by besides: the effective number of classes, and the
# variance of the features, both as a share of the data's.
SPREAD = ("classes", "diversity")
# The share of samples that are nearer to a training image than nearly all other reals are.
COPIES = "copies"
# Of a conditional generator: the share of samples taken for the class that was asked for, ...
LABEL_ACCURACY = "label_accuracy"
# ... what the health of a run is judged by besides (`ByClass.summary`), ...
CONDITIONING = ("label_effect", "class_spread", "narrowest_class")
# ... and the figures within each class: name -> how it is printed.
CLASS_FIGURES = {
    "accuracy": ".3f",
    "frechet_distance": ".2f",
    "coverage": ".3f",
    "spread": ".2f",
}
