"""What a judge takes for right does not hang on rounding."""

from ganvae_course import exercise


def test_which_mode_is_the_lighter_one_is_no_matter_of_rounding():
    """With two modes of equal weight the best Gaussian may sit on either, and either answer would be right."""
    worlds = {tuple(exercise("ex-10-drops").values(variant).values()) for variant in range(60)}
    assert len(worlds) == 6 and (5.0, 0.45) in worlds
    assert all(0 < weight < 0.5 for _, weight in worlds)
