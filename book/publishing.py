"""What a site has where it is published and lacks elsewhere, by a setting of _config.yml that is empty at first:

repository: url    links to the sources, to edit them and to file an issue; Colab and Binder open the chapters
"""

import re

import yaml
from contents import BookError

__all__ = ["configured"]

HOSTS = "https://github.com", "https://gitlab.com"  # whose pages the theme knows
BINDER, COLAB = "https://mybinder.org", "https://colab.research.google.com"
BUTTONS = "use_repository_button", "use_edit_page_button", "use_issues_button", "use_source_button"


def configured(text: str) -> str:
    """_config.yml as Sphinx gets it: with a repository, all that leads there. Raises BookError for a wrong address."""
    settings = yaml.safe_load(text)
    repository = settings.get("repository", {})
    url = repository.get("url", "").removesuffix("/").removesuffix(".git")
    if not url:
        return text
    host = next((host for host in HOSTS if re.fullmatch(rf"{re.escape(host)}/[\w.-]+/[\w.-]+", url)), None)
    if host is None:
        told = " or ".join(f"{host}/owner/name" for host in HOSTS)
        raise BookError(f"repository: url in _config.yml must be like {told}, and is {url!r}.")
    settings["repository"] = {"branch": "main"} | repository | {"url": url}
    options = settings["sphinx"]["config"]["html_theme_options"]
    options |= dict.fromkeys(BUTTONS, True)
    settings["launch_buttons"] |= {"binderhub_url": BINDER} | ({"colab_url": COLAB} if host == HOSTS[0] else {})
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
