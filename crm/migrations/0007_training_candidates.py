from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('crm', '0006_slack')]

    initial = False

    operations = [
        ops.CreateModel(
            name='TrainingCandidate',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('conversation', fields.ForeignKeyField('crm.Conversation', source_field='conversation_id', db_constraint=True, to_field='id', related_name='training_candidates', on_delete=OnDelete.CASCADE)),
                ('inbox_id', fields.BigIntField(unique=True)),
                ('text', fields.TextField(unique=False)),
                ('language', fields.CharField(max_length=5)),
                ('offered', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('how', fields.CharField(max_length=9)),
                ('intent', fields.CharField(default='', max_length=64)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('verdict', fields.CharField(default='', max_length=8)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'training_candidate', 'app': 'crm', 'indexes': [Index(fields=['conversation_id', 'id']), Index(fields=['verdict', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
