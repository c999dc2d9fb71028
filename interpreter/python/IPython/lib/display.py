"""Objects that are shown by a player or by a page, and links to files."""

from IPython.display import Audio, Code, FileLink, FileLinks, IFrame, ScribdDocument, VimeoVideo, YouTubeVideo

__all__ = [
    "Audio", "Code", "FileLink", "FileLinks", "IFrame", "ScribdDocument", "VimeoVideo", "YouTubeVideo",
]
