"""Knowledge articles: what the bot quotes and staff look up."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from crm.models.staff import Staff


class Article(Model):
    """One article in one language. Translations share `slug`."""

    id = fields.BigIntField(primary_key=True)
    slug = fields.CharField(max_length=80)
    locale = fields.CharField(max_length=5, default="ko")
    title = fields.CharField(max_length=160)
    body = fields.TextField()  # plain paragraphs, "- " lists and "1. " steps
    kind = fields.CharField(max_length=16, default="usage")  # kinds: crm/knowledge.py
    product_category = fields.CharField(max_length=60, default="")
    keywords = fields.JSONField[list[str]](default=list)  # e.g. error codes
    published = fields.BooleanField(default=True)
    version = fields.IntField(default=1)
    views = fields.IntField(default=0)
    editor: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "crm.Staff", related_name="articles", null=True, on_delete=fields.SET_NULL
    )
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "article"
        unique_together = (("slug", "locale"),)
        # the editor's list reads by the last two: a whole language, or all
        indexes = [
            Index(fields=["kind", "locale", "published"]),
            Index(fields=["locale", "kind", "title", "id"]),
            Index(fields=["kind", "title", "id"]),
        ]


class ArticleKey(Model):
    """A weighted search token of an article."""

    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(max_length=40)
    weight = fields.FloatField(default=1.0)
    article: fields.ForeignKeyRelation[Article] = fields.ForeignKeyField(
        "crm.Article", related_name="keys", on_delete=fields.CASCADE
    )

    class Meta:
        table = "article_key"
        indexes = [Index(fields=["key", "article_id"])]
