from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('crm', '0005_mail')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SlackCard',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account', fields.CharField(default='', max_length=64)),
                ('channel', fields.CharField(max_length=32)),
                ('subject', fields.CharField(max_length=12)),
                ('subject_id', fields.BigIntField()),
                ('ts', fields.CharField(default='', max_length=32)),
                ('wanted', fields.IntField(default=0)),
                ('shown', fields.IntField(default=0)),
                ('current', fields.BooleanField(default=True)),
                ('attempts', fields.IntField(default=0)),
                ('error', fields.CharField(default='', max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'slack_card', 'app': 'crm', 'unique_together': (('account', 'channel', 'subject', 'subject_id'),), 'indexes': [Index(fields=['subject', 'subject_id']), Index(fields=['account', 'channel', 'ts']), Index(fields=['current', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlackChannel',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account', fields.CharField(default='', max_length=64)),
                ('channel', fields.CharField(max_length=32)),
                ('name', fields.CharField(default='', max_length=80)),
                ('private', fields.BooleanField(default=False)),
                ('shared', fields.BooleanField(default=False)),
                ('member', fields.BooleanField(default=True)),
                ('seen_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'slack_channel', 'app': 'crm', 'unique_together': (('account', 'channel'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlackPost',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account', fields.CharField(default='', max_length=64)),
                ('queue', fields.BigIntField()),
                ('card', fields.ForeignKeyField('crm.SlackCard', source_field='card_id', null=True, db_constraint=True, to_field='id', related_name='posts', on_delete=OnDelete.CASCADE)),
                ('kind', fields.CharField(max_length=12)),
                ('data', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('message_id', fields.BigIntField(null=True)),
                ('key', fields.CharField(unique=True, max_length=80)),
                ('state', fields.CharField(default='waiting', max_length=8)),
                ('attempts', fields.IntField(default=0)),
                ('error', fields.CharField(default='', max_length=200)),
                ('ts', fields.CharField(default='', max_length=32)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('done_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'slack_post', 'app': 'crm', 'indexes': [Index(fields=['queue', 'state', 'id']), Index(fields=['card_id']), Index(fields=['message_id']), Index(fields=['state', 'done_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlackRoute',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('team', fields.ForeignKeyField('crm.Team', source_field='team_id', null=True, db_constraint=True, to_field='id', related_name='slack_routes', on_delete=OnDelete.CASCADE)),
                ('channel', fields.ForeignKeyField('crm.SlackChannel', source_field='channel_id', db_constraint=True, to_field='id', related_name='routes', on_delete=OnDelete.CASCADE)),
            ],
            options={'table': 'slack_route', 'app': 'crm', 'unique_together': (('team_id',),), 'indexes': [Index(fields=['channel_id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlackUser',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account', fields.CharField(default='', max_length=64)),
                ('slack_id', fields.CharField(max_length=32)),
                ('name', fields.CharField(default='', max_length=80)),
                ('staff', fields.ForeignKeyField('crm.Staff', source_field='staff_id', db_constraint=True, to_field='id', related_name='slack_users', on_delete=OnDelete.CASCADE)),
                ('state', fields.CharField(default='waiting', max_length=8)),
                ('asked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('seen_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'slack_user', 'app': 'crm', 'unique_together': (('account', 'slack_id'),), 'indexes': [Index(fields=['staff_id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='StaffEvent',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('face', fields.CharField(max_length=16)),
                ('account', fields.CharField(default='', max_length=64)),
                ('external_id', fields.CharField(max_length=200)),
                ('queue', fields.BigIntField()),
                ('kind', fields.CharField(max_length=16)),
                ('data', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('message_id', fields.BigIntField(null=True)),
                ('state', fields.CharField(default='waiting', max_length=8)),
                ('error', fields.CharField(default='', max_length=200)),
                ('received_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('done_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'staff_event', 'app': 'crm', 'unique_together': (('face', 'account', 'external_id'),), 'indexes': [Index(fields=['queue', 'state', 'id']), Index(fields=['message_id']), Index(fields=['state', 'done_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AlterModelOptions(
            name='DialogueSnapshot',
            options={'table': 'dialogue_snapshot', 'app': 'crm', 'pk_attr': 'conversation_id'},
        ),
    ]
